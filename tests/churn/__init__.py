"""The long run: everything happens to one daemon for as long as one likes, while what it holds is measured."""
