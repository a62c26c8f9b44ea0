"""The auditor's pages: the search, one passage, its legal hold."""
