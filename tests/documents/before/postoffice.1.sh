bare
useradd --system --user-group smtpgate
echo "%PDF-1.4 a plan" > plan.pdf
echo "Here is the plan." > plan.txt
