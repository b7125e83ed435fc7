// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshCore

/// Authorization rules in the form that requests use: policies that name their callers or paths exactly are found by a
/// hash, and only what may match is asked. The verdicts are those of `AuthorizationRules`.
public struct CompiledAuthorization: Sendable {
    /// The rules.
    public let rules: AuthorizationRules

    /// Fewer policies are asked one by one: two hashes cost more than they save.
    private static let leastIndexed = 4

    /// The numbers of policies, each run in rising order.
    private let numbers: [Int32]
    private let byName: [UInt64: Range<Int>]
    private let byPath: [UInt64: Range<Int>]
    /// Those that may match whoever asks for whatever.
    private let others: Range<Int>
    private let isIndexed: Bool

    /// Compiles rules.
    /// - Complexity: O(size of the rules).
    public init(_ rules: AuthorizationRules) {
        self.rules = rules
        isIndexed = rules.policies.count >= Self.leastIndexed
        guard isIndexed else {
            (numbers, byName, byPath, others) = ([], [:], [:], 0..<0)
            return
        }
        var names: [UInt64: [Int32]] = [:]
        var paths: [UInt64: [Int32]] = [:]
        var rest: [Int32] = []
        for (number, policy) in rules.policies.enumerated() {
            let number = Int32(truncatingIfNeeded: number)
            switch PolicyGuard(policy) {
            case .names(let all): Self.note(number, under: all, in: &names)
            case .paths(let all): Self.note(number, under: all, in: &paths)
            case .unknown: rest.append(number)
            }
        }
        var flat = rest
        others = 0..<rest.count
        func laidOut(_ lists: [UInt64: [Int32]]) -> [UInt64: Range<Int>] {
            lists.mapValues { list in
                flat += list
                return flat.count - list.count..<flat.count
            }
        }
        byName = laidOut(names)
        byPath = laidOut(paths)
        numbers = flat
    }

    private static func note(_ number: Int32, under texts: Set<String>, in lists: inout [UInt64: [Int32]]) {
        // Two texts may have one hash: the policy stands there once.
        for hash in Set(texts.map { XXH64.hash($0) }) { lists[hash, default: []].append(number) }
    }

    /// Judges a request.
    /// - Complexity: O(size of the policies that may match) plus a hash of the path and of each name of the peer; O(size of
    ///   the rules) where policies name neither callers nor paths exactly. No allocation for heads that answer without.
    public func verdict(for request: some RequestHead, peer: AuthorizationPeer) -> AuthorizationVerdict {
        guard isIndexed else { return rules.verdict(for: request, peer: peer) }
        let path = request.pathWithoutQuery
        let ofPath = byPath.isEmpty ? 0..<0 : byPath[XXH64.hash(path)] ?? 0..<0
        var number: Int32 = 0
        // From candidate to candidate in the order of the policies: the first that matches counts.
        while let candidate = candidate(from: number, ofPath: ofPath, peer) {
            let position = Int(candidate)
            if rules.policies[position].matches(request, path: path, peer: peer) { return rules.verdict(of: position) }
            number = candidate + 1
        }
        return rules.verdict(of: nil)
    }

    /// How many policies are asked of a request at most.
    package func candidates(of request: some RequestHead, peer: AuthorizationPeer) -> Int {
        guard isIndexed else { return rules.policies.count }
        let ofPath = byPath[XXH64.hash(request.pathWithoutQuery)] ?? 0..<0
        var (count, number) = (0, Int32(0))
        while let candidate = candidate(from: number, ofPath: ofPath, peer) {
            count += 1
            number = candidate + 1
        }
        return count
    }

    /// The first policy from a number on that may match.
    private func candidate(from number: Int32, ofPath: Range<Int>, _ peer: AuthorizationPeer) -> Int32? {
        var first = least(others, from: number)
        if !ofPath.isEmpty { first = earlier(first, least(ofPath, from: number)) }
        guard !byName.isEmpty, let certificate = peer.certificate else {
            // The subject of a certificate that is not there counts as empty.
            guard !byName.isEmpty, peer.isSecured else { return first }
            return earlier(first, least(ofName: "", from: number))
        }
        for name in certificate.uriNames { first = earlier(first, least(ofName: name, from: number)) }
        for name in certificate.dnsNames { first = earlier(first, least(ofName: name, from: number)) }
        return earlier(first, least(ofName: certificate.subject, from: number))
    }

    private func least(ofName name: String, from number: Int32) -> Int32? {
        byName[XXH64.hash(name)].flatMap { least($0, from: number) }
    }

    private func earlier(_ one: Int32?, _ other: Int32?) -> Int32? {
        guard let one, let other else { return one ?? other }
        return min(one, other)
    }

    /// The first number of a run that is not below `number`.
    private func least(_ run: Range<Int>, from number: Int32) -> Int32? {
        var (low, high) = (run.lowerBound, run.upperBound)
        while low < high {
            let middle = low + (high - low) / 2
            if numbers[middle] < number { low = middle + 1 } else { high = middle }
        }
        return low < run.upperBound ? numbers[low] : nil
    }
}
