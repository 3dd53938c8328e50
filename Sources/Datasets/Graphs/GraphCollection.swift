import AviaryArchives
import AviaryTensors

/// Many graphs, each with a class, as the TU collection has them (Morris et al., "TUDataset", 2020).
///
/// All graphs are one: nodes stand graph after graph, and the adjacency is block-diagonal.
public struct GraphCollection: Sendable, Equatable {
  /// Where it was read.
  public let path: String
  /// [nodes, nodes] of ones, without direction, repeats or self loops.
  public let adjacency: SparseMatrix
  /// graphs + 1 numbers: graph g has the nodes `firstNodes[g]..<firstNodes[g + 1]`.
  public let firstNodes: [Int]
  /// The class of each graph; nil where no file says it.
  public let labels: [Int32]?
  /// The numbers by which the file names the classes, in rising order; empty without labels.
  public let classNames: [String]
  /// Labels of the nodes, such as the kinds of atoms: [nodes] for each column of the file.
  public let nodeLabels: [[Int]]
  /// Numbers known of each node, [nodes × attributeCount].
  public let nodeAttributes: [Float]
  /// The number of attributes of a node.
  public let attributeCount: Int
  /// What a person should know about the files, a line each.
  public let remarks: [String]

  /// The number of graphs.
  public var count: Int { firstNodes.count - 1 }
  /// The number of nodes.
  public var nodes: Int { adjacency.rows }
  /// The edges, each counted once.
  public var edges: Int { adjacency.nonzeros / 2 }

  /// The nodes of a graph.
  public func nodes(ofGraph graph: Int) -> Range<Int> { firstNodes[graph]..<firstNodes[graph + 1] }
}

// MARK: - Where the files are

extension GraphCollection {
  /// The files of a collection: `NAME_A.txt` and those beside it.
  struct Place: Equatable {
    let folder: String
    let name: String

    func path(_ part: String) -> String { "\(folder)/\(name)_\(part).txt" }
    func holds(_ part: String) -> Bool { FileSystem.exists(path(part)) }
  }

  /// Whether the files of a collection are at the path, by names alone: a folder that holds `NAME_A.txt`, also in a folder
  /// `raw` as PyTorch Geometric keeps it; the path without `_A.txt`; or the path of that file.
  public static func isPresent(at path: String) -> Bool {
    do { return try place(at: path) != nil } catch { return true }
  }

  static func place(at path: String) throws(GraphDataFault) -> Place? {
    let path = path.hasSuffix("/") && path.utf8.count > 1 ? String(path.dropLast()) : path
    guard FileSystem.isFolder(path) else { return prefix(path) }
    for folder in [path, path + "/raw"] where FileSystem.isFolder(folder) {
      guard let listing = try? FileSystem.names(in: folder) else { continue }
      var names: [String] = []
      for ending in ["_A.txt", "_graph_indicator.txt"] where names.isEmpty {
        names = listing.filter { $0.hasSuffix(ending) && $0 != ending }.map { String($0.dropLast(ending.count)) }
      }
      if names.count < 2 {
        if let name = names.first { return Place(folder: folder, name: name) }
        continue
      }
      guard let own = names.first(where: { path.hasSuffix("/" + $0) || path == $0 }) else {
        throw .severalCollections(path: folder, names: names)
      }
      return Place(folder: folder, name: own)
    }
    return prefix(path)
  }

  /// `FOLDER/NAME` or `FOLDER/NAME_A.txt`.
  private static func prefix(_ path: String) -> Place? {
    let ending = "_A.txt"
    let whole = path.hasSuffix(ending) ? String(path.dropLast(ending.count)) : path
    let parts = whole.split(separator: "/", omittingEmptySubsequences: false)
    guard let name = parts.last, !name.isEmpty else { return nil }
    let folder = parts.dropLast().joined(separator: "/")
    let place = Place(folder: parts.count == 1 ? "." : folder.isEmpty ? "/" : folder, name: String(name))
    return place.holds("A") && place.holds("graph_indicator") ? place : nil
  }
}
