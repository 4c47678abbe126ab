# What the streets of the address translation tests must be allowed: `unshare -Urnm sh -e trial.sh`. It leaves nothing behind.
nsenter --version > /dev/null
ip link add name street type bridge
ip link add name house type veth peer name uplink
ip link set house master street
echo 1 > /proc/sys/net/ipv4/ip_forward
nft -f - << 'RULES'
add table ip door
add chain ip door out { type nat hook postrouting priority 100; }
add rule ip door out oifname "uplink" masquerade
add rule ip door out oifname "uplink" masquerade fully-random
add chain ip door in { type filter hook input priority 0; }
add rule ip door in iifname "uplink" ct state new counter drop
RULES
