import AviaryArchives
import AviaryTensors

/// A way in which the files of a graph cannot be read.
public enum GraphDataFault: ArchiveFaultCarrying, Equatable, CustomStringConvertible {
  /// There is no graph in any of the known forms at the path.
  case noGraph(path: String)
  /// A file cannot be read.
  case archive(ArchiveFault)
  /// A pickle is damaged or refused.
  case pickle(PickleFault)
  /// An array is damaged, refused or of another kind.
  case numPy(NumPyFault)
  /// A sparse matrix contradicts itself.
  case badMatrix(path: String, part: String, fault: SparseMatrixFault)
  /// A line of a text file is not what belongs there.
  case badLine(path: String, line: Int, text: String, expected: String)
  /// Two parts disagree about how many there are.
  case counts(path: String, part: String, found: Int, expected: Int, of: String)
  /// A node is named that the graph does not have.
  case nodeOutside(path: String, part: String, node: Int, nodes: Int)
  /// A label is none of the classes.
  case labelOutside(path: String, label: Int, classes: Int)
  /// There is more of something than can be meant, or nothing at all.
  case tooLarge(path: String, part: String, count: Int, limit: Int)
  /// A part of the split has no nodes.
  case emptyPart(path: String, part: String)
  /// A collection of graphs lacks a file that it cannot do without.
  case missingFile(path: String, collection: String)
  /// A folder holds several collections, and it is not said which is meant.
  case severalCollections(path: String, names: [String])
  /// A line of a file names a node that no line of the collection stands for.
  case nodeBeyond(path: String, line: Int, node: Int, nodes: Int)
  /// A node belongs to a graph that is not there.
  case nodeWithoutGraph(path: String, line: Int, graph: Int, graphs: Int)
  /// A graph has no nodes.
  case emptyGraph(path: String, graph: Int)
  /// An edge joins nodes of different graphs.
  case edgeAcross(path: String, line: Int, nodes: [Int], graphs: [Int])
  /// The graphs, or nodes, have no classes to learn or compare with.
  case noLabels(path: String)
  /// A class is none of those that a network knows.
  case unknownClass(path: String, name: String, known: [String])
  /// The nodes lack what the features of a network are made of, or have more of it.
  case otherNodes(path: String, part: String, found: Int, expected: Int)
  /// Something contradicts something else.
  case malformed(path: String, part: String, reason: String)

  public var description: String {
    switch self {
    case .noGraph(let path):
      "\(path): no graph; give an .npz file, a folder with edges.txt or NAME_A.txt, or a Planetoid prefix such as planetoid/ind.cora"
    case .archive(let fault): fault.description
    case .pickle(let fault): fault.description
    case .numPy(let fault): fault.description
    case .badMatrix(let path, let part, let fault): "\(path): damaged: \(part): \(fault)"
    case .badLine(let path, let line, let text, let expected):
      "\(path): line \(line): '\(text.prefix(60))' is not \(expected)"
    case .counts(let path, let part, let found, let expected, let of):
      "\(path): damaged: \(found) of \(part), but \(expected) of \(of)"
    case .nodeOutside(let path, let part, let node, let nodes):
      "\(path): damaged: \(part) names node \(node), but nodes are 0 to \(nodes - 1)"
    case .labelOutside(let path, let label, let classes):
      "\(path): damaged: the label \(label), but there are \(classes) classes"
    case .tooLarge(let path, let part, let count, let limit):
      "\(path): refused: \(count) \(part); 1 to \(limit) are read"
    case .emptyPart(let path, let part): "\(path): the \(part) part has no nodes; give more labelled nodes"
    case .missingFile(let path, let collection): "\(path): no such file; the collection \(collection) needs it"
    case .severalCollections(let path, let names):
      "\(path): holds several collections of graphs (\(names.prefix(8).joined(separator: ", "))); give \(path)/\(names.first ?? "NAME")"
    case .nodeBeyond(let path, let line, let node, let nodes):
      "\(path): line \(line): node \(node), but nodes are 1 to \(nodes)"
    case .nodeWithoutGraph(let path, let line, let graph, let graphs):
      "\(path): line \(line): a node of graph \(graph), but graphs are 1 to \(graphs)"
    case .emptyGraph(let path, let graph): "\(path): graph \(graph) has no nodes; every graph needs one"
    case .edgeAcross(let path, let line, let nodes, let graphs):
      "\(path): line \(line): an edge from node \(nodes[0]) of graph \(graphs[0]) to node \(nodes[1]) of graph \(graphs[1])"
    case .noLabels(let path): "\(path): the graphs have no classes; add NAME_graph_labels.txt, a whole number a line"
    case .unknownClass(let path, let name, let known):
      "\(path): the class \(name) is none of the network's: \(known.prefix(20).joined(separator: ", "))"
    case .otherNodes(let path, let part, let found, let expected):
      "\(path): nodes have \(found) \(part), but the network's features are made of \(expected)"
    case .malformed(let path, let part, let reason): "\(path): damaged: \(part): \(reason)"
    }
  }
}

/// What the readers of graphs share.
enum GraphFiles {
  static func exists(_ path: String) -> Bool { FileSystem.exists(path) }

  static func contents(_ path: String) throws(GraphDataFault) -> ByteRegion {
    do throws(ArchiveFault) { return try MappedFile(path: path).bytes } catch { throw .archive(error) }
  }

  static func pickle(_ path: String) throws(GraphDataFault) -> PickleGraph {
    let bytes = try contents(path)
    do throws(PickleFault) { return try PickleGraph(bytes, path: path) } catch { throw .pickle(error) }
  }

  /// A matrix in compressed rows whose columns no more than are allowed.
  static func matrix(
    path: String, part: String, rows: Int, columns: Int, offsets: [Int], indices: [Int], values: [Float]
  ) throws(GraphDataFault) -> SparseMatrix {
    guard columns <= GraphDataset.mostColumns else {
      throw .tooLarge(path: path, part: "columns of \(part)", count: columns, limit: GraphDataset.mostColumns)
    }
    do throws(SparseMatrixFault) {
      return try SparseMatrix(
        validatingRows: rows, columns: columns, rowOffsets: offsets,
        // What does not fit is in no column either.
        columnIndices: indices.map { Int32(clamping: $0) }, values: values)
    } catch {
      throw .badMatrix(path: path, part: part, fault: error)
    }
  }

  /// The lines of a text file; the last one need not end.
  static func lines(_ path: String) throws(GraphDataFault) -> [Substring] {
    let text = String(decoding: try contents(path).array(), as: UTF8.self)
    var lines = text.split(omittingEmptySubsequences: false) { $0 == "\n" || $0 == "\r\n" }
    if lines.last?.isEmpty == true { lines.removeLast() }
    return lines
  }
}
