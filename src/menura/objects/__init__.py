"""Folders on object storage: their addresses, their objects, who may write, and when a part of them is whole."""
