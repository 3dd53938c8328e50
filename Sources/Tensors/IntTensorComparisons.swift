// Comparisons of whole numbers, element by element, with NumPy's broadcasting: `(logits.argmax(axis: 1) .== labels)` is where
// a classifier is right, and `.tensor.mean()` of it the accuracy.

extension IntTensor {
  /// Where elements are equal, element by element, with broadcasting.
  public static func .== (a: IntTensor, b: IntTensor) -> Mask { compared(a, b, ==) }
  /// Where elements differ, element by element, with broadcasting.
  public static func .!= (a: IntTensor, b: IntTensor) -> Mask { compared(a, b, !=) }
  /// Where the first is less, element by element, with broadcasting.
  public static func .< (a: IntTensor, b: IntTensor) -> Mask { compared(a, b, <) }
  /// Where the first is less or equal, element by element, with broadcasting.
  public static func .<= (a: IntTensor, b: IntTensor) -> Mask { compared(a, b, <=) }
  /// Where the first is greater, element by element, with broadcasting.
  public static func .> (a: IntTensor, b: IntTensor) -> Mask { compared(a, b, >) }
  /// Where the first is greater or equal, element by element, with broadcasting.
  public static func .>= (a: IntTensor, b: IntTensor) -> Mask { compared(a, b, >=) }

  /// Where elements are equal, element by element, with broadcasting.
  public static func .== (a: IntTensor, b: Int32) -> Mask { a .== IntTensor([b], shape: []) }
  /// Where elements differ, element by element, with broadcasting.
  public static func .!= (a: IntTensor, b: Int32) -> Mask { a .!= IntTensor([b], shape: []) }
  /// Where the first is less, element by element, with broadcasting.
  public static func .< (a: IntTensor, b: Int32) -> Mask { a .< IntTensor([b], shape: []) }
  /// Where the first is less or equal, element by element, with broadcasting.
  public static func .<= (a: IntTensor, b: Int32) -> Mask { a .<= IntTensor([b], shape: []) }
  /// Where the first is greater, element by element, with broadcasting.
  public static func .> (a: IntTensor, b: Int32) -> Mask { a .> IntTensor([b], shape: []) }
  /// Where the first is greater or equal, element by element, with broadcasting.
  public static func .>= (a: IntTensor, b: Int32) -> Mask { a .>= IntTensor([b], shape: []) }

  private static func compared(_ a: IntTensor, _ b: IntTensor, _ holds: (Int32, Int32) -> Bool) -> Mask {
    let shape = Tensor.broadcastShape(a.shape, b.shape)
    let (a, b) = (a.expanded(to: shape), b.expanded(to: shape))
    return Mask(zip(a.scalars, b.scalars).map(holds), shape: shape)
  }
}
