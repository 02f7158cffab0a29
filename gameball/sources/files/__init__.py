"""The bytes of files and standard input: opened, decompressed, split into lines. Imports ``records``."""
