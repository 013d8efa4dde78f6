"""Campaigns: companions re-injected one at a time, and the rates that they give."""
