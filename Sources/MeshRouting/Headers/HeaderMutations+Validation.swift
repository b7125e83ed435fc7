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
            let path = "\(list)[\(position)]" + (isAddition ? ".name" : "")
            if name.lowercased.utf8.first == UInt8(ascii: ":") || name.lowercased == "host" {
                let change = isAddition ? "added" : "removed"
                problems.note(path, "\(name) cannot be \(change): pseudo header fields and host belong to rewrites")
            } else {
                problems.require(name.isValid, path, "\"\(name)\" is no name of a header field")
            }
        }
    }
}
