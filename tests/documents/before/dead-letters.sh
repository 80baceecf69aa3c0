# A file that its outbox refused, and that somebody has mended since.
#= 3fa2 postoffice -d /srv/postoffice letters list --json | jq -r '.letters[0].id'
ready
for from in ben anna; do
  file=/srv/postoffice/MBG/anna/outbox/offer
  printf 'VERSION:3.00\nTO:SMTP:bob@example.net\nFROM:CSI:ACME/MAIN/%s\nSUBJECT:Offer\nTEXT:3\nhi\n' "$from" > "$file.tmp"
  if [ "$from" = ben ]; then
    mv "$file.tmp" "$file.API"
    wait_until "ls $file.API.bad"
  else
    cat "$file.tmp" > "$file.API.bad"
    rm "$file.tmp"
  fi
done
