# What an installation puts below /usr/local, beside the programs.
bare
install -D -m 0644 postfix-conf/systemd/smtpgate.sysusers /usr/local/lib/sysusers.d/smtpgate.conf
install -D -m 0644 postfix-conf/systemd/smtpgate.tmpfiles /usr/local/lib/tmpfiles.d/smtpgate.conf
install -D -m 0644 -t /usr/local/share/smtpgate postfix-conf/smtpgate.toml postfix-conf/ADDR_MAP.CFG postfix-conf/logrotate
