"""The main job, shown: train on the normal part, stream the rest through the chain, judge the alerts."""
