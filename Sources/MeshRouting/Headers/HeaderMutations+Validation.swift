// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshCore

extension HeaderMutations {
    /// Checks the names: pseudo header fields and `host` are neither added nor removed, since rewrites of path and
    /// authority are the routes' own; the rest must be names that HTTP allows.
    /// - Throws: `ConfigurationError` with every name that may not stand where it does.
    public func validate() throws(ConfigurationError) {
        var problems = ProblemCollector()
        Self.check(requestAdditions.map(\.name), "requestAdditions", isAddition: true, &problems)
        Self.check(requestRemovals, "requestRemovals", isAddition: false, &problems)
        Self.check(responseAdditions.map(\.name), "responseAdditions", isAddition: true, &problems)
        Self.check(responseRemovals, "responseRemovals", isAddition: false, &problems)
        try problems.throwIfAny()
    }

    private static func check(
        _ names: [HeaderName],
        _ list: String,
        isAddition: Bool,
        _ problems: inout ProblemCollector
    ) {
        for (position, name) in names.enumerated() {
            problems.check(name, "\(list)[\(position)]" + (isAddition ? ".name" : ""), isAddition: isAddition)
        }
    }
}

extension HeaderMutationRules {
    /// Checks the names: what is added by the rules of `HeaderMutations.validate()`, what is removed must be a name.
    /// - Throws: `ConfigurationError` with every name that may not stand where it does.
    public func validate() throws(ConfigurationError) {
        var problems = ProblemCollector()
        Self.check(request, "request", &problems)
        Self.check(response, "response", &problems)
        try problems.throwIfAny()
    }

    private static func check(_ rules: [HeaderMutationRule], _ list: String, _ problems: inout ProblemCollector) {
        for (position, rule) in rules.enumerated() {
            switch rule {
            case .remove(let name):
                problems.require(
                    name.isValid,
                    "\(list)[\(position)].remove",
                    "\"\(name)\" is no name of a header field"
                )
            case .add(let addition): problems.check(addition.name, "\(list)[\(position)].add.name", isAddition: true)
            }
        }
    }
}

extension ProblemCollector {
    fileprivate mutating func check(_ name: HeaderName, _ path: String, isAddition: Bool) {
        if name.lowercased.utf8.first == UInt8(ascii: ":") || name.lowercased == "host" {
            let change = isAddition ? "added" : "removed"
            note(path, "\(name) cannot be \(change): pseudo header fields and host belong to rewrites")
        } else {
            require(name.isValid, path, "\"\(name)\" is no name of a header field")
        }
    }
}
