//! What follows a product, while its sums are in registers.

use crate::activation::Activation;
use crate::cpu::simd_math::activate;
use crate::cpu::vectors::read;
use crate::cpu::view::View;
use pulp::Simd;

/// What follows the product.
#[derive(Clone, Copy, Default)]
pub(crate) struct Epilogue<'a> {
    /// Applied after the bias.
    pub(crate) activation: Activation,
    /// What is added.
    pub(crate) residual: Residual<'a>,
}

impl Epilogue<'_> {
    /// What becomes of the sums of `count` columns of a row, from `column` on, with their bias.
    #[inline(always)]
    pub(crate) fn apply<S: Simd>(
        &self,
        simd: S,
        mut value: S::f32s,
        [row, column]: [usize; 2],
        count: usize,
    ) -> S::f32s {
        let added = |rows: View<'_>| read(simd, &rows.row(row)[column..][..count]);
        if let Residual::Before(rows) = self.residual {
            value = simd.add_f32s(value, added(rows));
        }
        value = activate(simd, self.activation, value);
        if let Residual::After(rows) = self.residual {
            value = simd.add_f32s(value, added(rows));
        }
        value
    }
}

/// What is added to a product.
#[derive(Clone, Copy, Default)]
pub(crate) enum Residual<'a> {
    #[default]
    None,
    /// These rows, before the activation.
    Before(View<'a>),
    /// These rows, after the activation.
    After(View<'a>),
}
