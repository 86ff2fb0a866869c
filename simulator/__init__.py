"""The others: a clearinghouse and the payers behind it, played over real SFTP.

This room knows nothing of the product it answers. It reads X12 as a stranger would, keeps its own state under its own
root, and imports none of the other rooms, so that a mistake made there is not repeated here.
"""
