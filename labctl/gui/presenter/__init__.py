"""What the window decides, without a widget."""
