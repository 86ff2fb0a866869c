"""What the chart must show before a claim is made of it; billing.documentation asks all of it."""
