"""The program that `export` copies into a folder; its files use the standard library, numpy and an encoder's packages.

They import nothing of this package, and each other only by the path of the file, so that the folder works by itself.
"""
