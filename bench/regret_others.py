"""
Contenders of other projects: plays reward tables from standard input, started by regret-others.ts.

First writes the contenders' names: the length, four bytes, and a JSON array. Then reads for each table a line of JSON
(arms, steps, refreshEvery, outcomeDelay, seed, isBinary) and rewards as 64-bit numbers, decision by decision, arm by
arm. The answer is one byte a decision, the arm that was chosen, contender after contender. What is known at a
decision is the same as for banditd's own contenders: outcomes are learned every `refreshEvery` decisions.
"""

import json
import struct
import sys

import numpy as np
from mabwiser.mab import MAB, LearningPolicy
from vowpalwabbit import Workspace


class Mabwiser:
    """Each arm in turn until all have an outcome, because it must be fitted before it is asked."""

    def __init__(self, policy, world):
        self.mab = MAB(list(range(world["arms"])), policy, seed=world["seed"])
        self.arms = world["arms"]
        self.served = 0
        self.early = []
        self.is_fitted = False

    def choose(self, count):
        if self.is_fitted:
            return [self.mab.predict() for _ in range(count)]
        self.served += count
        return [at % self.arms for at in range(self.served - count, self.served)]

    def learn(self, arms, rewards):
        if self.is_fitted:
            self.mab.partial_fit(arms, rewards)
            return
        self.early += zip(arms, rewards)
        if len({arm for arm, _ in self.early}) < self.arms:
            return
        self.mab.fit(*map(list, zip(*self.early)))
        self.is_fitted = True


class VowpalWabbit:
    """Actions without features; the arm is drawn from the probabilities that it predicts, the cost is -reward."""

    def __init__(self, options, world):
        arms, seed = world["arms"], world["seed"]
        kind = "--cb_explore_adf" if options in needs_features else f"--cb_explore {arms}"
        self.lines = [f"| arm_{arm}" for arm in range(arms)] if options in needs_features else None
        self.workspace = Workspace(f"{kind} {options} --random_seed {seed} --quiet")
        self.random = np.random.default_rng(seed)
        self.propensities = []

    def choose(self, count):
        shares = np.asarray(self.workspace.predict(self.lines or "| "), dtype=float)
        shares /= shares.sum()
        arms = self.random.choice(len(shares), size=count, p=shares)
        self.propensities += list(shares[arms])
        return arms.tolist()

    def learn(self, arms, rewards):
        for arm, reward in zip(arms, rewards):
            propensity = self.propensities.pop(0)
            if self.lines is None:
                self.workspace.learn(f"{arm + 1}:{-reward}:{propensity} | ")
            else:
                example = list(self.lines)
                example[arm] = f"0:{-reward}:{propensity} {example[arm]}"
                self.workspace.learn(example)


needs_features = {"--softmax --lambda 50", "--rnd 1"}


def thompson(world):
    # mabwiser counts successes: of other rewards it must be told which are some.
    binarizer = None if world["isBinary"] else lambda arm, reward: reward >= 0.5
    return Mabwiser(LearningPolicy.ThompsonSampling(binarizer), world)


contenders = {
    "mabwiser ThompsonSampling": thompson,
    "mabwiser UCB1": lambda world: Mabwiser(LearningPolicy.UCB1(), world),
    "mabwiser EpsilonGreedy": lambda world: Mabwiser(LearningPolicy.EpsilonGreedy(), world),
    **{
        f"VW {options}": lambda world, options=options: VowpalWabbit(options, world)
        for options in [
            "--epsilon 0.05",
            "--first 500",
            "--bag 10",
            "--cover 3",
            "--squarecb",
            "--softmax --lambda 50",
            "--rnd 1",
        ]
    },
}


def play(contender, world, rewards):
    chosen = []
    known = 0
    for step in range(0, world["steps"], world["refreshEvery"]):
        until = max(step - world["outcomeDelay"], 0)
        if until > known:
            arms = chosen[known:until]
            contender.learn(arms, rewards[np.arange(known, until), arms].tolist())
            known = until
        chosen += contender.choose(min(world["refreshEvery"], world["steps"] - step))
    return bytes(chosen)


def main():
    names = json.dumps(list(contenders)).encode()
    sys.stdout.buffer.write(struct.pack("<I", len(names)) + names)
    sys.stdout.buffer.flush()
    while line := sys.stdin.buffer.readline():
        world = json.loads(line)
        table = sys.stdin.buffer.read(8 * world["steps"] * world["arms"])
        rewards = np.frombuffer(table).reshape(world["steps"], world["arms"])
        played = [play(make(world), world, rewards) for make in contenders.values()]
        sys.stdout.buffer.write(b"".join(played))
        sys.stdout.buffer.flush()


main()
