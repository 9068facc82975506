"""Any other program as a generator: started once, asked by lines of JSON, answering with files."""
