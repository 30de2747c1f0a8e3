"""What every part of Ragstone shares: settings, domain types, errors, database, blobs, telemetry."""
