"""Grafana's dashboards as code: `python -m helm.dashboards` writes them where the Helm chart takes them from."""
