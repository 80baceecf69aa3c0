# Another machine for the copy is a folder here: rsync's ssh is played.
ready
mail anna
cat > /usr/local/bin/rsync <<'END'
#!/bin/sh
# rsync OPTIONS FROM backup:TO, without the network: cp does as much here.
for word; do last=$word; done
[ "${last#backup:/}" != "$last" ] || exit 1
mkdir -p /srv/backup
exec cp -a /srv/postoffice/. /srv/backup/
END
chmod 0755 /usr/local/bin/rsync
