"""Throwaway hosts: containers with systemd that look like EL8 and install from an offline mirror of stub rpms."""
