"""Run lengths of masks in the three dialects that annotation tools speak. None reads another's."""
