#if ONNX
  #if canImport(FoundationEssentials)
    import FoundationEssentials
  #else
    import Foundation
  #endif

  /// The types of the elements that an exported graph has.
  enum ElementType {
    case float32, float16, uint8, int8, int32, int64, bool, double

    var dataType: ONNXTensorProto.DataType {
      switch self {
      case .float32: .float
      case .float16: .float16
      case .uint8: .uint8
      case .int8: .int8
      case .int32: .int32
      case .int64: .int64
      case .bool: .bool
      case .double: .double
      }
    }
  }

  /// An attribute of a node.
  enum NodeAttribute {
    case int(Int)
    case ints([Int])
    case float(Float)
    case text(String)
    case texts([String])

    func proto(_ name: String) -> ONNXAttributeProto {
      var attribute = ONNXAttributeProto()
      attribute.name = name
      switch self {
      case .int(let value):
        attribute.type = .int
        attribute.i = Int64(value)
      case .ints(let values):
        attribute.type = .ints
        attribute.ints = values.map { Int64($0) }
      case .float(let value):
        attribute.type = .float
        attribute.f = value
      case .text(let value):
        attribute.type = .string
        attribute.s = .init(value.utf8)
      case .texts(let values):
        attribute.type = .strings
        attribute.strings = values.map { .init($0.utf8) }
      }
      return attribute
    }
  }
#endif
