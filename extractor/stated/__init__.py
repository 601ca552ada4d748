"""What a file states otherwise than in print (XML, codes), compared with the print: never a source by itself."""
