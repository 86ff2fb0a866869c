"""One module per screen: routes only, parameters in, read model out, template rendered."""
