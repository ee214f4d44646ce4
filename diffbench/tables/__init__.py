"""From stored records to tables; runs nothing."""
