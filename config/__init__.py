"""Settings, the database, city packs, the working calendar and Asterisk's templates. Knows nothing above it."""
