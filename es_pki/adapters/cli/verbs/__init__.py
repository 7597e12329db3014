"""The verbs, a file for each noun; each ends with the table of what it takes."""
