# What the ground of the field tests must be allowed: `unshare -Urnm sh -e trial.sh`. It leaves nothing behind.
nsenter --version > /dev/null
unshare -n true
ip link add name ground type bridge
ip link add name one type veth peer name other
ip link set one master ground
nft -f - << 'RULES'
add table bridge trial
add chain bridge trial forward { type filter hook forward priority 0; policy accept; }
add rule bridge trial forward ether type ip numgen random mod 100 < 20 counter drop
RULES
