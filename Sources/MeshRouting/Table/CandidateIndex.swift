// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore

/// Finds the routes of one host that may match a request, in order, without looking at the others.
///
/// A route is found by its path, or by what its path begins with; among many with the same of these, by the exact value
/// of one header. What neither tells is a candidate of every request. Each key has an ascending list of routes, and the
/// lists that a request's keys lead to are merged, so that the first match of the whole list is found first.
struct CandidateIndex: Sendable {
    /// The routes that share a key.
    private struct Bucket: Sendable {
        /// Those that no header tells apart: a range of `order`.
        var rest = Range(uncheckedBounds: (0, 0))
        /// The others: a range of `headerTables`.
        var tables = Range(uncheckedBounds: (0, 0))
    }

    /// The routes of a bucket that ask for an exact value of one header.
    private final class HeaderTable: Sendable {
        let name: HeaderName
        let joinsValues: Bool
        /// Lists by values.
        let lists: PathTable

        init(name: HeaderName, joinsValues: Bool, lists: PathTable) {
            self.name = name
            self.joinsValues = joinsValues
            self.lists = lists
        }
    }

    /// From this many routes of a bucket on it is worth asking the request for a header.
    private static let minimumForHeader = 8
    /// How many headers a bucket may ask for, each of which costs every request of the bucket.
    private static let maximumHeaders = 4

    private var exactCase = PathTable()
    private var anyCase = PathTable(ignoresCase: true)
    private var buckets: [Bucket] = []
    private var headerTables: [HeaderTable] = []
    /// Ranges of `order`.
    private var lists: [Range<Int>] = []
    /// Numbers of routes; those of one list ascend.
    private var order: [Int32] = []
    /// The bucket of the routes whose path tells nothing.
    private var always = -1

    /// - Parameter routes: A host's routes by their numbers; those with an obstacle are left out.
    init(_ routes: some RandomAccessCollection<CompiledRoute>) {
        var contents: [[Int]] = []
        func bucket(_ existing: Int) -> Int {
            if existing >= 0 { return existing }
            contents.append([])
            return contents.count - 1
        }
        for (number, route) in routes.enumerated() where route.obstacle == nil {
            let path = route.match.path
            var chosen = -1
            let key = path.tableKey
            if key.text.isEmpty, key.kind != .exact {
                always = bucket(always)
                chosen = always
            } else {
                let update: (inout PathTable.Entry) -> Void = { entry in
                    switch key.kind {
                    case .exact:
                        entry.exact = bucket(entry.exact)
                        chosen = entry.exact
                    case .separatedPrefix:
                        entry.separatedPrefix = bucket(entry.separatedPrefix)
                        chosen = entry.separatedPrefix
                    case .prefix, .regularExpression, .template, .connect:
                        entry.prefix = bucket(entry.prefix)
                        chosen = entry.prefix
                    }
                }
                if path.ignoresCase { anyCase.update(key.text, update) } else { exactCase.update(key.text, update) }
            }
            contents[chosen].append(number)
        }
        for numbers in contents { add(numbers, routes) }
    }

    private mutating func add(_ numbers: [Int], _ routes: some RandomAccessCollection<CompiledRoute>) {
        func route(_ number: Int) -> CompiledRoute { routes[routes.index(routes.startIndex, offsetBy: number)] }
        var bucket = Bucket()
        var rest = numbers
        let firstTable = headerTables.count
        while rest.count >= Self.minimumForHeader, headerTables.count - firstTable < Self.maximumHeaders {
            var counts: [HeaderMatcher.ExactKey: Int] = [:]
            for number in rest {
                for key in Set(route(number).match.headers.compactMap(\.exactKey)) { counts[key, default: 0] += 1 }
            }
            // The most frequent one; of several the one that comes first by name, so that the same table is compiled
            // the same way.
            let best = counts.max { ($0.value, $1.key.name.lowercased) < ($1.value, $0.key.name.lowercased) }
            guard let best, best.value >= Self.minimumForHeader else { break }
            var lists = PathTable()
            var values: [(text: [UInt8], numbers: [Int])] = []
            var left: [Int] = []
            for number in rest {
                guard let value = route(number).match.headers.first(where: { $0.exactKey == best.key })?.exactValue
                else {
                    left.append(number)
                    continue
                }
                let text = Array(value.utf8)
                lists.update(text) { entry in
                    if entry.exact < 0 {
                        entry.exact = values.count
                        values.append((text, []))
                    }
                    values[entry.exact].numbers.append(number)
                }
            }
            for value in values {
                lists.update(value.text) { $0.exact = self.lists.count }
                self.lists.append(append(value.numbers))
            }
            headerTables.append(
                HeaderTable(name: best.key.name, joinsValues: best.key.joinsValues, lists: lists)
            )
            rest = left
        }
        bucket.tables = firstTable..<headerTables.count
        bucket.rest = append(rest)
        buckets.append(bucket)
    }

    private mutating func append(_ numbers: [Int]) -> Range<Int> {
        let start = order.count
        order += numbers.map { Int32(truncatingIfNeeded: $0) }
        return start..<order.count
    }

    /// What a search found.
    enum Found: Equatable {
        case route(Int)
        case nothing
        /// The request leads to too many lists.
        case unknown
    }

    /// The first candidate that is accepted.
    /// - Complexity: O(length of the path + lengths of the keys + candidates × lists). No allocation.
    func first(
        _ path: UnsafeBufferPointer<UInt8>,
        field: (HeaderName) -> String?,
        hasValue: (HeaderName, (String) -> Bool) -> Bool,
        where accepts: (Int) -> Bool
    ) -> Found {
        CandidateLists.withNone { candidates in
            if always >= 0 { add(always, to: &candidates, field, hasValue) }
            if !exactCase.isEmpty { exactCase.forEachMatch(path) { add($0, to: &candidates, field, hasValue) } }
            if !anyCase.isEmpty { anyCase.forEachMatch(path) { add($0, to: &candidates, field, hasValue) } }
            if candidates.isIncomplete { return .unknown }
            let found = order.withUnsafeBufferPointer { candidates.first(in: $0, where: accepts) }
            return found.map { .route($0) } ?? .nothing
        }
    }

    /// Adds the lists of a bucket that the request's headers lead to.
    @inline(__always)
    private func add(
        _ bucket: Int,
        to candidates: inout CandidateLists,
        _ field: (HeaderName) -> String?,
        _ hasValue: (HeaderName, (String) -> Bool) -> Bool
    ) {
        let bucket = buckets[bucket]
        candidates.add(bucket.rest)
        if !bucket.tables.isEmpty { addByHeaders(bucket.tables, to: &candidates, field, hasValue) }
    }

    private func addByHeaders(
        _ tables: Range<Int>,
        to candidates: inout CandidateLists,
        _ field: (HeaderName) -> String?,
        _ hasValue: (HeaderName, (String) -> Bool) -> Bool
    ) {
        for table in tables {
            let table = headerTables[table]
            if table.joinsValues {
                let list = field(table.name).map { table.lists.exact($0) } ?? -1
                if list >= 0 { candidates.add(lists[list]) }
                continue
            }
            _ = hasValue(table.name) { value in
                let list = table.lists.exact(value)
                if list >= 0 { candidates.add(lists[list]) }
                return false
            }
        }
    }
}

extension PathTable {
    /// The number of texts that equal a text; -1 if there is none.
    fileprivate func exact(_ text: String) -> Int {
        var text = text
        return text.withUTF8 { exact($0) }
    }
}

extension HeaderMatcher {
    /// What a table of exact values is made for.
    fileprivate struct ExactKey: Hashable {
        let name: HeaderName
        let joinsValues: Bool
    }

    /// The table in which the condition could stand; `nil` if it asks for more than an exact value.
    fileprivate var exactKey: ExactKey? {
        exactValue == nil ? nil : ExactKey(name: name, joinsValues: joinsValues)
    }

    /// The value that the header must have; `nil` if it may have others, or be absent.
    fileprivate var exactValue: String? {
        guard case .value(let matcher) = condition, case .exact(let value) = matcher.pattern, !matcher.ignoresCase,
            !isInverted, !treatsMissingAsEmpty
        else { return nil }
        return value
    }
}

extension PathMatcher {
    /// What every path equals or begins with that matches, and which of both.
    fileprivate var tableKey: (text: [UInt8], kind: Kind) {
        switch pattern {
        case .exact(let path): (Array(path.utf8), .exact)
        case .prefix(let prefix): (Array(prefix.utf8), .prefix)
        case .separatedPrefix(let prefix): (Array(prefix.utf8), .separatedPrefix)
        // The case of an expression's letters is its own matter: what it says literally is meant literally.
        case .regularExpression(let expression): (expression.literalPrefix, .prefix)
        case .template(let template): (template.expression.literalPrefix, .prefix)
        case .connect: ([], .prefix)
        }
    }
}
