// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshCore

/// A condition in a tree (`Matcher.MatcherList.Predicate`).
public indirect enum MatcherPredicate: Hashable, Sendable {
    /// The input is there, and its value matches.
    case value(MatcherInput, StringMatcher)
    /// One of these holds.
    case any([MatcherPredicate])
    /// All of these hold.
    case all([MatcherPredicate])
    /// This does not hold.
    case not(MatcherPredicate)
}
