"""Every SQL statement that writers share: functions taking a Session of one practice. They never commit."""
