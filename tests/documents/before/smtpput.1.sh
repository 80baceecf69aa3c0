ready
printf 'VERSION:3.00\nTO:CSI:ACME/MAIN/anna\nFROM:CSI:ACME/MAIN/ben\nSUBJECT:Hello\nTEXT:3\nhi\n' > TO_NC.API
