"""What is in images: their documents, read as strangers wrote them, and the files of layers."""
