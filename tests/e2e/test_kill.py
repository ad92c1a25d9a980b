"""kill -9 of each process in the middle of the day: the ledger is that of an undisturbed run."""

import unittest

from rehearsal import VICTIMS, Rehearsal, difference

# A quarter of an hour takes at least 0.12 s, so that every kill falls into the two days.
DAYS = ["--days", "2", "--households", "6", "--speed", "7500"]


class KillTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.undisturbed = Rehearsal(*DAYS, "--seed", "7")

    def test_the_undisturbed_day_trades_and_its_proofs_hold(self):
        self.assertEqual(self.undisturbed.code, 0, self.undisturbed.output[-3000:])
        self.assertTrue(self.undisturbed.proofs_hold)
        self.assertTrue(any(line.startswith("trade") for line in self.undisturbed.ledger))

    def test_killed_processes_leave_the_same_ledger(self):
        disturbed = Rehearsal(*DAYS, "--seed", "7", victims=VICTIMS)
        self.assertEqual(disturbed.code, 0, disturbed.output[-3000:])
        self.assertEqual(disturbed.kills, VICTIMS)
        self.assertTrue(disturbed.proofs_hold)
        self.assertEqual(difference(self.undisturbed.ledger, disturbed.ledger), ([], []))

    def test_another_seed_gives_another_ledger(self):
        # The comparison can fail.
        other = Rehearsal(*DAYS[:4], "--speed", "max", "--seed", "8")
        self.assertEqual(other.code, 0, other.output[-3000:])
        self.assertNotEqual(difference(self.undisturbed.ledger, other.ledger), ([], []))


if __name__ == "__main__":
    unittest.main(verbosity=2)
