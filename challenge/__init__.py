"""The rules: recipes, submissions, entries, evaluation."""
