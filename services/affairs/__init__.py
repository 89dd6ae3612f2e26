"""A page of one province for the people of all: login at the region's broker, step-up for what is protected (跨省通办)."""
