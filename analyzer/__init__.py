"""From keyframes to a timeline: batches, models, merging. Asynchronous."""
