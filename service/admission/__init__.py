"""Who may start now: sizes that can never pass, each key's quota, and a fair queue for what there is room for."""
