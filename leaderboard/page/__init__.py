"""The Streamlit page, alone in its folder: Streamlit puts a script's folder first on sys.path."""
