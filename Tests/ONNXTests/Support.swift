#if ONNX
  import AviaryTensors
  import Foundation
  import SwiftProtobuf
  import Testing

  @testable import AviaryONNX

  /// A function of one tensor of numbers as a program.
  func program(_ shape: [Extent], symbols: [Symbol] = [.batch], _ forward: @escaping (Tensor) -> Tensor)
    -> NetworkProgram
  {
    NetworkProgram(
      symbols: symbols, inputs: [ProgramInput(name: "x", kind: .numbers, shape: shape)], outputs: ["y"],
      forward: { [forward($0[0].tensor)] })
  }

  /// The file of a model, read back.
  func written(_ model: ONNXModel) throws -> ONNXModelProto {
    let path = FileManager.default.temporaryDirectory.appendingPathComponent("aviary-\(UUID()).onnx").path
    defer { try? FileManager.default.removeItem(atPath: path) }
    try model.write(to: path)
    return try ONNXModelProto(serializedBytes: [UInt8](Data(contentsOf: URL(fileURLWithPath: path))))
  }

  extension ONNXModelProto {
    var types: [String] { graph.node.map(\.opType) }

    func first(_ type: String) throws -> ONNXNodeProto { try #require(graph.node.first { $0.opType == type }) }

    func initializer(_ name: String) throws -> ONNXTensorProto {
      try #require(graph.initializer.first { $0.name == name })
    }

    /// The operations that a value comes from, the last one first, each by its first operand; and what they begin with.
    func makers(of value: String) -> (types: [String], origin: String) {
      guard let node = graph.node.first(where: { $0.output.contains(value) }), let first = node.input.first else {
        return ([], value)
      }
      let (types, origin) = makers(of: first)
      return ([node.opType] + types, origin)
    }

    /// What is wrong with the graph: values that nobody makes, or names that two values have.
    var faults: [String] {
      var known = Set(graph.input.map(\.name))
      var faults: [String] = []
      for tensor in graph.initializer {
        if !known.insert(tensor.name).inserted { faults.append("two values '\(tensor.name)'") }
        let width = [1: 4, 2: 1, 3: 1, 7: 8, 10: 2, 11: 8][Int(tensor.dataType)] ?? 0
        if tensor.rawData.count != width * tensor.dims.reduce(1, { $0 * Int($1) }) {
          faults.append("'\(tensor.name)' has \(tensor.rawData.count) bytes for \(tensor.dims)")
        }
      }
      for node in graph.node {
        for operand in node.input where !operand.isEmpty && !known.contains(operand) {
          faults.append("\(node.name) takes '\(operand)', which nothing has made")
        }
        for result in node.output where !known.insert(result).inserted { faults.append("two values '\(result)'") }
      }
      for output in graph.output where !known.contains(output.name) { faults.append("no output '\(output.name)'") }
      if Set(graph.node.map(\.name)).count != graph.node.count { faults.append("two nodes of one name") }
      return faults
    }

    func shape(_ value: ONNXValueInfoProto) -> [String] {
      value.type.tensorType.shape.dim.map { dimension in
        switch dimension.value {
        case .dimValue(let size)?: "\(size)"
        case .dimParam(let name)?: name
        case nil: "?"
        }
      }
    }
  }

  extension ONNXNodeProto {
    func ints(_ name: String) -> [Int]? { attribute.first { $0.name == name }.map { $0.ints.map { Int($0) } } }
    func int(_ name: String) -> Int? { attribute.first { $0.name == name }.map { Int($0.i) } }
    func text(_ name: String) -> String? {
      attribute.first { $0.name == name }.map { String(decoding: $0.s, as: UTF8.self) }
    }
  }

  extension ONNXTensorProto {
    var int64s: [Int64] {
      rawData.withUnsafeBytes { bytes in
        stride(from: 0, to: bytes.count, by: 8).map {
          Int64(littleEndian: bytes.loadUnaligned(fromByteOffset: $0, as: Int64.self))
        }
      }
    }

    var floats: [Float] {
      rawData.withUnsafeBytes { bytes in
        stride(from: 0, to: bytes.count, by: 4).map {
          Float(bitPattern: UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: $0, as: UInt32.self)))
        }
      }
    }
  }
#endif
