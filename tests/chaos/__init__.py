"""People label while server, workers, database, queue, clock and network fail at random; then everything is compared.

python tests/chaos --events 100 --seed 1
python tests/chaos --events 100 --postgres
"""
