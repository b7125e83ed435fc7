// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshConfig
import MeshXDS

/// Which route table of a file is meant.
struct RouteTableSelection {
    /// The listener whose table it is; `nil` for any.
    var listener: String?
    /// The table's name; `nil` for any.
    var routeConfiguration: String?

    /// The table of a file.
    /// - Throws: Why there is none, or that several could be meant.
    func table(in file: InputFile) throws(InputError) -> SelectedRouteTable {
        let read = try ResourceFile(try DocumentReader.document(file), file: file.name)
        let resources = read.resources
        // Listeners by their place, and tables that no listener names behind them.
        var candidates: [(listener: String?, table: RouteConfiguration)] = []
        var missing: [String] = []
        for one in read.listeners {
            if let table = resources.routes(of: one) {
                candidates.append((one.name, table))
            } else if let name = one.routeConfigurationName {
                missing.append("listener \(one.name): its route configuration \(name) is not in the file")
            }
        }
        let named = Set(read.listeners.compactMap(\.routeConfigurationName))
        for table in read.routeConfigurations where !named.contains(table.name) { candidates.append((nil, table)) }
        candidates = candidates.filter { candidate in
            (listener == nil || candidate.listener == listener)
                && (routeConfiguration == nil || candidate.table.name == routeConfiguration)
        }
        let tables = candidates.reduce(into: [RouteConfiguration]()) { tables, candidate in
            if !tables.contains(candidate.table) { tables.append(candidate.table) }
        }
        guard let table = tables.first else {
            let wanted = [listener.map { " of the listener \($0)" }, routeConfiguration.map { " called \($0)" }]
            let lines = ["\(file.name): there is no route configuration\(wanted.compactMap { $0 }.joined())"]
            throw InputError(lines: lines + missing.map { "\(file.name): \($0)" })
        }
        guard tables.count == 1 else {
            let names = candidates.map { candidate in
                let name = candidate.table.name.isEmpty ? "(unnamed)" : candidate.table.name
                return candidate.listener.map { "\(name) of the listener \($0)" } ?? name
            }
            throw InputError(
                "\(file.name): there are several route configurations; choose one by --listener or "
                    + "--route-configuration: \(names.joined(separator: ", "))"
            )
        }
        return SelectedRouteTable(file: file.name, configuration: table, warnings: read.ignored.map { "\($0)" })
    }
}
