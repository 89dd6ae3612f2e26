"""The exporter of one province: runs on its head machine, reads only what its own account may, is scraped by the hub."""
