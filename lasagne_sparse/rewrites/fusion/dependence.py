"""Knows what waits for what while nodes are made one: no node may wait for itself

Each node is asked once; sets of groups are the bits of an integer. To look upstream
anew for each group would take as long as the graph is, each time.
"""

__all__ = ["Dependence"]


class Dependence:
    """
    lasagne_sparse.rewrites.fusion.dependence.Dependence()

    Which groups of nodes a group waits for, when each becomes one node.

    Then each of its results waits for all of its inputs, whatever they were made of
    before.
    """

    def __init__(self):
        self._needs = []

    def new_group(self):
        """Returns the set of a new group, one bit"""
        self._needs.append(0)
        return 1 << (len(self._needs) - 1)

    def all_of(self, groups):
        """Returns all groups that some groups wait for, and these"""
        done = 0
        while groups != done:
            waiting = groups & ~done
            last = waiting.bit_length() - 1
            done |= 1 << last
            groups |= self._needs[last]
        return done

    def add(self, group, needed):
        """Makes a group wait for others

        Parameters
        ----------
        group : int
            A set of groups, which become one.
        needed : int
            The set of groups that its inputs wait for.

        Returns
        -------
        bool
            False, and nothing changes, if they wait for the group.
        """
        needed = self.all_of(needed)
        if needed & group:
            return False
        for i in range(group.bit_length()):
            if group >> i & 1:
                self._needs[i] |= needed | group
        return True
