"""One module per screen: few SELECTs, frozen rows of ready-formatted values."""
