"""Bytes in stores: one module an adapter."""
